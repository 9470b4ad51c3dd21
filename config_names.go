package leadmill

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
)

// settingPrefix begins the name of every setting.
const settingPrefix = "LEADMILL_"

// nearName is how many characters a name may differ by from that of a setting to be taken for a slip of the pen.
const nearName = 2

// freePrefixes begin names that belong to tests and to modules.
var freePrefixes = []string{settingPrefix + "TEST_", settingPrefix + "X_"}

// settingNames are the names of all settings, and of those that clients of the API read: LEADMILL_URL and LEADMILL_KEY.
func settingNames() []string {
	names := []string{settingPrefix + "URL", settingPrefix + "KEY"}
	for f := range reflect.TypeFor[Config]().Fields() {
		names = append(names, f.Tag.Get("env"))
	}
	return names
}

// unknownSettings looks at the names of an environment of "NAME=value". The error lists those that were most likely meant to be a
// setting; others are those that only begin like one, as orchestrators set.
func unknownSettings(environ []string) (others []string, err error) {
	known := settingNames()
	var wrong []error
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, settingPrefix) || slices.Contains(known, name) ||
			slices.ContainsFunc(freePrefixes, func(free string) bool { return strings.HasPrefix(name, free) }) {
			continue
		}
		if i := slices.IndexFunc(known, func(k string) bool { return distance(name, k) <= nearName }); i >= 0 {
			wrong = append(wrong, fmt.Errorf("%s is no setting; is %s meant?", name, known[i]))
			continue
		}
		others = append(others, name)
	}
	return others, errors.Join(wrong...)
}

// checkNames refuses variables that were most likely meant to be a setting, and warns of others that no setting has.
func (c *cli) checkNames(environ []string) error {
	others, err := unknownSettings(environ)
	if err != nil {
		return &usageError{err}
	}
	if len(others) > 0 {
		config, _ := LoadConfig() // for how and how much is logged; what is wrong with it the command tells
		newLogger(config, c.stderr).Warn("variables that are no settings have no effect", slog.Any("names", others))
	}
	return nil
}

// distance is how many characters have to be put in, taken out or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
