package leadmill

import (
	"reflect"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
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
