package consolehttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
)

// Result is Once, and puts what the command did where into points to. It stays there as it is when the form was sent before: what was done then
// is not kept, as it may be secret.
func Result[R any](v *Visit, into *R) application.Once[R] {
	once := Once[R](v)
	once.Render = func(r R) application.Response {
		*into = r
		return application.Response{Status: http.StatusNoContent}
	}
	return once
}
