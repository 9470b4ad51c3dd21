package telemetry_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/telemetry"
)

func TestWhatIsNotSupportedIsCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	n, err := telemetry.NewNotSupported(registry)
	require.NoError(t, err)
	n.Asked("POST /v1/customers", "transaction")
	n.Asked("POST /v1/customers", "transaction")
	n.Asked("GET /v1/transactions/:key", "")
	families, err := registry.Gather()
	require.NoError(t, err)
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "|" + l.GetName() + "=" + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue()
		}
	}
	assert.Equal(t, map[string]float64{
		"leadmill_not_supported_total|member=transaction|route=POST /v1/customers": 2,
		"leadmill_not_supported_total|member=|route=GET /v1/transactions/:key":     1,
	}, got)
	_, err = telemetry.NewNotSupported(registry)
	require.Error(t, err, "a name is registered once")
}
