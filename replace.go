package leadmill

import (
	"fmt"
	"reflect"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/distribution"
)

// ReplaceMailer registers a constructor of the application.Mailer that sends all mails, in place of Leadmill's.
func ReplaceMailer(constructor any) Extension { return replaced[application.Mailer](constructor) }

// ReplacePasswordHasher registers a constructor of the application.PasswordHasher of all passwords, in place of Leadmill's.
func ReplacePasswordHasher(constructor any) Extension {
	return replaced[application.PasswordHasher](constructor)
}

// ReplaceRateLimiter registers a constructor of the application.RateLimiter of all API keys and addresses, in place of
// Leadmill's.
func ReplaceRateLimiter(constructor any) Extension {
	return replaced[application.RateLimiter](constructor)
}

// ReplaceInvitationText registers a constructor of the program.InvitationText that writes the mails to invited partners, in
// place of Leadmill's.
func ReplaceInvitationText(constructor any) Extension {
	return replaced[program.InvitationText](constructor)
}

// ReplaceClock registers a constructor of the application.Clock of the whole instance, for tests.
func ReplaceClock(constructor any) Extension { return replaced[application.Clock](constructor) }

// ReplacePolicy registers a constructor of an attribution.Policy or of a distribution.Strategy that takes the place of the
// built-in one of a code: "first_touch", "priority". What it makes has that code, and an order of its own.
func ReplacePolicy(code string, constructor any) Extension {
	t := reflect.TypeOf(constructor)
	if isConstructor(t) && t.Out(0).AssignableTo(reflect.TypeFor[distribution.Strategy]()) {
		return grouped(constructor, groupReplacedStrategies, func(_ *Module, s distribution.Strategy) (replacement[distribution.Strategy], error) {
			_, err := distribution.NewStrategies([]distribution.Strategy{s})
			return newReplacement(code, s, err)
		})
	}
	return grouped(constructor, groupReplacedPolicies, func(_ *Module, p attribution.Policy) (replacement[attribution.Policy], error) {
		_, err := attribution.NewPolicies([]attribution.Policy{p})
		return newReplacement(code, p, err)
	})
}

// replacement is a policy or strategy that takes the place of a built-in one.
type replacement[T interface{ Code() string }] struct{ by T }

func (r replacement[T]) name() string { return r.by.Code() }

// newReplacement returns what replaces a code; err is what is wrong with it as a replacement of its own code.
func newReplacement[T interface{ Code() string }](code string, by T, err error) (replacement[T], error) {
	if by.Code() != code {
		err = fmt.Errorf("has the code %q; what replaces %q has that code", by.Code(), code)
	}
	return replacement[T]{by}, err
}

// replacing returns what takes the places.
func replacing[T interface{ Code() string }](parts []part[replacement[T]]) []T {
	list := make([]T, len(parts))
	for i, p := range parts {
		list[i] = p.value.by
	}
	return list
}

// replaceable are the types of what a module can replace, with the function that does so.
var replaceable = map[reflect.Type]string{
	reflect.TypeFor[application.Mailer]():         "ReplaceMailer",
	reflect.TypeFor[application.PasswordHasher](): "ReplacePasswordHasher",
	reflect.TypeFor[application.RateLimiter]():    "ReplaceRateLimiter",
	reflect.TypeFor[program.InvitationText]():     "ReplaceInvitationText",
	reflect.TypeFor[application.Clock]():          "ReplaceClock",
}

func replaced[T any](constructor any) Extension {
	return Extension{func(a *assembly, m *Module) {
		want := reflect.TypeFor[T]()
		if !a.makes(m, constructor, want) {
			return
		}
		p := newProvider(m, constructor, want, true)
		if other := a.replaced[want]; other != nil {
			a.problemf(m, "%s replaces the %v, as %s of module %q does", p.name, want, other.name, other.module.name)
			return
		}
		a.replaced[want] = p
		a.providers = append(a.providers, p)
	}}
}
