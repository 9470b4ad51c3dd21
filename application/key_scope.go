package application

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/domain/seller"
)

// KeyScope is a scope of API keys that a team's module declares. A key of it belongs to a seller, as a program key does, and
// opens no more than the team's routes that need this scope, the commands and queries that need it, and those of Operations.
type KeyScope struct {
	// Name is 1 to 16 of a to z, 0 to 9 and hyphens, and begins with a letter. It is none of the built-in scopes.
	Name Scope
	// Operations are the names of commands and queries of program keys that the scope opens too, such as "CampaignReport". The
	// routes under /v1 that send them answer; all others are forbidden.
	Operations []string
}

// Scopes are the key scopes that the teams of this build declare. The zero value holds none. Scopes must not be changed once
// they are in use.
type Scopes struct {
	list   []KeyScope // by name
	opened map[opening]struct{}
}

// opening is an operation that a scope opens.
type opening struct {
	scope     Scope
	operation string
}

var (
	builtIn  = []Scope{Admin, Program, Supplier, Form, Site, Visitor, Internal}
	keyScope = regexp.MustCompile(`^[a-z][a-z0-9-]{0,15}$`)
)

// NewScopes returns the scopes of a list. The error names every scope whose name cannot be, is a built-in one, or is there
// twice. Whether the operations exist is for KeyScope.Check to say, once all of them are known.
func NewScopes(list ...KeyScope) (Scopes, error) {
	s := Scopes{opened: map[opening]struct{}{}}
	var wrong []error
	for _, k := range list {
		switch {
		case slices.Contains(builtIn, k.Name):
			wrong = append(wrong, fmt.Errorf("the key scope %q has the name of a built-in one", k.Name))
		case !keyScope.MatchString(string(k.Name)):
			wrong = append(wrong, fmt.Errorf("the key scope %q: a name is 1 to 16 of a-z, 0-9 and hyphens, and begins with a letter", k.Name))
		case s.Has(k.Name):
			wrong = append(wrong, fmt.Errorf("there are two key scopes %q", k.Name))
		default:
			s.list = append(s.list, KeyScope{k.Name, slices.Clone(k.Operations)})
			for _, o := range k.Operations {
				s.opened[opening{k.Name, o}] = struct{}{}
			}
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return Scopes{}, err
	}
	slices.SortFunc(s.list, func(a, b KeyScope) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return s, nil
}

// Check compares a scope with the commands and queries of the build. The error names every operation that it opens and that
// does not exist or is not one of program keys.
func (k KeyScope) Check(o *Operations) error {
	var wrong []error
	for _, name := range k.Operations {
		switch need, known := o.needs[name]; {
		case !known:
			wrong = append(wrong, fmt.Errorf("the key scope %q opens %q, which is no command or query of this build", k.Name, name))
		case need != Program && need != k.Name:
			wrong = append(wrong, fmt.Errorf("the key scope %q cannot open %s, which needs the scope %s: only what program keys may do can be opened", k.Name, name, need))
		}
	}
	return errors.Join(wrong...)
}

// CheckNeeds compares the commands and queries of the build with the scopes. The error names every message that needs a scope
// that nobody declares.
func (s Scopes) CheckNeeds(o *Operations) error {
	var homeless []string
	for name, need := range o.needs {
		if need != "" && !slices.Contains(builtIn, need) && !s.Has(need) {
			homeless = append(homeless, fmt.Sprintf("%s needs the scope %q, which no module declares", o.known[name], need))
		}
	}
	slices.Sort(homeless)
	wrong := make([]error, len(homeless))
	for i, text := range homeless {
		wrong[i] = errors.New(text)
	}
	return errors.Join(wrong...)
}

// Declared returns the scopes, ordered by name.
func (s Scopes) Declared() []KeyScope { return slices.Clone(s.list) }

// OfKeys returns the scopes that a key of a seller can have: Program, Supplier, Form, Site and the declared ones.
func (s Scopes) OfKeys() []seller.Scope {
	all := []seller.Scope{seller.Program, seller.Supplier, seller.Form, seller.Site}
	for _, k := range s.list {
		all = append(all, seller.Scope(k.Name))
	}
	return all
}

// GrantedBy returns the scopes that the keys may have which an actor makes: those of OfKeys for an actor with Program, else its own alone.
func (s Scopes) GrantedBy(a Actor) []seller.Scope {
	if a.Scope == seller.Program {
		return s.OfKeys()
	}
	return []seller.Scope{a.Scope}
}

// Has reports whether a scope is declared; the built-in ones are not.
func (s Scopes) Has(name Scope) bool {
	return slices.ContainsFunc(s.list, func(k KeyScope) bool { return k.Name == name })
}

// Opens reports whether a declared scope opens an operation of program keys.
func (s Scopes) Opens(name Scope, operation string) bool {
	_, ok := s.opened[opening{name, operation}]
	return ok
}

// OpensAny reports whether a declared scope opens any operation of program keys.
func (s Scopes) OpensAny(name Scope) bool {
	return slices.ContainsFunc(s.list, func(k KeyScope) bool { return k.Name == name && len(k.Operations) > 0 })
}
