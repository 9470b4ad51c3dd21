package fault

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Chain returns the types in an error's chain, the outermost first, and the codes of those that are an *Error. It tells a
// log what happened without the text of an error that is no *Error, which may repeat personal data.
func Chain(err error) string {
	var b strings.Builder
	for n := 0; err != nil && n < 10; n++ {
		if n > 0 {
			b.WriteString(" < ")
		}
		fmt.Fprintf(&b, "%T", err)
		if e, ok := err.(*Error); ok { //nolint:errorlint // this link of the chain alone
			b.WriteString("(" + strconv.Quote(string(e.Code)) + ")")
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			list := many.Unwrap()
			if len(list) == 0 {
				break
			}
			err = list[len(list)-1]
			continue
		}
		err = errors.Unwrap(err)
	}
	return b.String()
}
