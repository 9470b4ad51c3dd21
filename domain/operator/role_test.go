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
	if operator.IsRole("") || operator.IsRole("root") {
		t.Error("a role that does not exist")
	}
}
