package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/domain/fault"
)

func TestChainTellsTypesAndCodesButNoText(t *testing.T) {
	t.Parallel()
	gone := fault.New(fault.NotFound, "thing_not_found", "Thing of john@canary.example not found.")
	secret := errors.New("john@canary.example")
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"none":        {nil, ""},
		"plain":       {secret, "*errors.errorString"},
		"wrapped":     {fmt.Errorf("load john@canary.example: %w", secret), "*fmt.wrapError < *errors.errorString"},
		"with a code": {fmt.Errorf("load: %w", gone.Because(secret)), `*fmt.wrapError < *fault.Error("thing_not_found") < *errors.errorString`},
		"several":     {errors.Join(secret, gone), `*errors.joinError < *fault.Error("thing_not_found")`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, fault.Chain(c.err))
		})
	}
}
