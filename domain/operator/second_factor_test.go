package operator_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/operator"
)

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	p := operator.FromSnapshot(operator.Snapshot{ID: "person_1"})
	one, two, three := [32]byte{1}, [32]byte{2}, [32]byte{3}
	require.ErrorIs(t, p.ConfirmSecondFactor(5, nil, now), operator.ErrSecondFactorOff)
	require.ErrorIs(t, p.ShowSecondFactor(operator.Shown{Step: 5}, now), operator.ErrSecondFactorOff)
	require.ErrorIs(t, p.RenewRecovery(nil, now), operator.ErrSecondFactorOff)
	require.NoError(t, p.BeginSecondFactor([]byte("first"), now))
	require.NoError(t, p.BeginSecondFactor([]byte("sealed"), now), "begun again")
	assert.False(t, p.HasSecondFactor(), "before a code confirms it")
	require.NoError(t, p.ConfirmSecondFactor(5, [][32]byte{one, two}, now))
	assert.Equal(t, operator.SecondFactor{Secret: []byte("sealed"), LastStep: 5, Recovery: [][32]byte{one, two}}, p.Snapshot().SecondFactor)
	require.ErrorIs(t, p.BeginSecondFactor([]byte("other"), now), operator.ErrSecondFactorOn)
	require.ErrorIs(t, p.ConfirmSecondFactor(9, nil, now), operator.ErrSecondFactorOn)

	require.ErrorIs(t, p.ShowSecondFactor(operator.Shown{Step: 5}, now), operator.ErrCode, "the code that confirmed it is used")
	require.NoError(t, p.ShowSecondFactor(operator.Shown{Step: 6}, now))
	require.ErrorIs(t, p.ShowSecondFactor(operator.Shown{Step: 6}, now), operator.ErrCode)
	require.ErrorIs(t, p.ShowSecondFactor(operator.Shown{Step: 5}, now), operator.ErrCode)
	require.NoError(t, p.ShowSecondFactor(operator.Shown{Recovery: one}, now))
	require.ErrorIs(t, p.ShowSecondFactor(operator.Shown{Recovery: one}, now), operator.ErrCode)
	require.ErrorIs(t, p.ShowSecondFactor(operator.Shown{}, now), operator.ErrCode)
	require.NoError(t, p.RenewRecovery([][32]byte{three}, now))
	require.ErrorIs(t, p.ShowSecondFactor(operator.Shown{Recovery: two}, now), operator.ErrCode)
	require.NoError(t, p.ShowSecondFactor(operator.Shown{Recovery: three}, now))
	p.RemoveSecondFactor(now)
	assert.False(t, p.HasSecondFactor())
	assert.Equal(t, operator.SecondFactor{}, p.Snapshot().SecondFactor)
}
