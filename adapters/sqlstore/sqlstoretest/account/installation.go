package accounttest

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
)

func testInstallation(t *testing.T, h *sqlstoretest.Harness) {
	const n = 6
	var all sync.WaitGroup
	values, sets, errs := make([]string, n), make([]bool, n), make([]error, n)
	for i := range n {
		all.Go(func() {
			stored, set, err := h.Store.GetOrSetInstallation(t.Context(), "admin_key", []byte{byte(i), 0xff})
			values[i], sets[i], errs[i] = string(stored), set, err
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	setters := 0
	for i := range n {
		require.Equal(t, values[0], values[i])
		if sets[i] {
			setters++
			require.Equal(t, values[0], string([]byte{byte(i), 0xff}))
		}
	}
	require.Equal(t, 1, setters)
	stored, err := h.Store.GetInstallation(t.Context(), "other")
	require.NoError(t, err)
	require.Nil(t, stored)
	stored, set, err := h.Store.GetOrSetInstallation(t.Context(), "other", []byte("x"))
	require.NoError(t, err)
	require.True(t, set)
	require.Equal(t, []byte("x"), stored)
	stored, err = h.Store.GetInstallation(t.Context(), "other")
	require.NoError(t, err)
	require.Equal(t, []byte("x"), stored)
}
