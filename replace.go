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
			if _, err := distribution.NewStrategies([]distribution.Strategy{s}); err != nil {
				return replacement[distribution.Strategy]{}, err
			}
			return newReplacement(code, s)
		})
	}
	return grouped(constructor, groupReplacedPolicies, func(_ *Module, p attribution.Policy) (replacement[attribution.Policy], error) {
		if _, err := attribution.NewPolicies([]attribution.Policy{p}); err != nil {
			return replacement[attribution.Policy]{}, err
		}
		return newReplacement(code, p)
	})
}

// replacement is a policy or strategy that takes the place of a built-in one.
type replacement[T interface{ Code() string }] struct{ by T }

func (r replacement[T]) name() string { return r.by.Code() }

func newReplacement[T interface{ Code() string }](code string, by T) (replacement[T], error) {
	if by.Code() != code {
		return replacement[T]{}, fmt.Errorf("has the code %q; what replaces %q has that code", by.Code(), code)
	}
	return replacement[T]{by}, nil
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
		want, t := reflect.TypeFor[T](), reflect.TypeOf(constructor)
		if !isConstructor(t) || !t.Out(0).AssignableTo(want) || reflect.ValueOf(constructor).IsNil() {
			a.problem(m, "%v is no constructor of a %v: a function that returns one, or one and an error", t, want)
			return
		}
		p := newProvider(m, constructor, want, true)
		if other := a.replaced[want]; other != nil {
			a.problem(m, "%s replaces the %v, as %s of module %q does", p.name, want, other.name, other.module.name)
			return
		}
		a.replaced[want] = p
		a.providers = append(a.providers, p)
	}}
}
