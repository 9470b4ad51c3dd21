package operator_test

import (
	"testing"

	"github.com/leadmill/leadmill/domain/operator"
)

func TestRoles(t *testing.T) {
	t.Parallel()

	roles := []operator.Role{operator.Viewer, operator.Operator, operator.Owner}
	for i, r := range roles {
		if !operator.IsRole(r) {
			t.Errorf("%q is no role", r)
		}
		for j, other := range roles {
			if got, want := r.Includes(other), i >= j; got != want {
				t.Errorf("%q includes %q: %v, want %v", r, other, got, want)
			}
		}
		if operator.Role("").Includes(r) || operator.Role("root").Includes(r) {
			t.Errorf("who has no role includes %q", r)
		}
	}
	for _, r := range append(roles, operator.Buyer) {
		if r.Includes(operator.Buyer) != (r == operator.Buyer) || !r.Includes(operator.Anybody) {
			t.Errorf("%q does not tell people of buyers from others", r)
		}
	}
	for _, needed := range append(roles, "", "root") {
		if operator.Buyer.Includes(needed) {
			t.Errorf("people of a buyer may do what needs %q", needed)
		}
	}
	for _, nobody := range []operator.Role{"", "root", operator.Anybody} {
		if nobody.Includes(operator.Anybody) || nobody.Includes(operator.Buyer) || nobody.Includes(operator.Viewer) {
			t.Errorf("%q is a role", nobody)
		}
	}
	if operator.IsRole(operator.Buyer) || operator.IsRole(operator.Anybody) {
		t.Error("a role of a seller's own people that is none")
	}
	if operator.IsRole("") || operator.IsRole("root") {
		t.Error("a role that does not exist")
	}
}
