package telemetry

import (
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// HTTP counts requests and how long their answers took.
type HTTP struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// NewHTTP registers leadmill_http_requests_total and leadmill_http_request_duration_seconds. It fails when the registry has a metric of
// such a name.
func NewHTTP(registry prometheus.Registerer) (*HTTP, error) {
	h := &HTTP{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_http_requests_total", Help: "Answered requests by method, pattern of the route and status; the route none is unknown paths.",
		}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "leadmill_http_request_duration_seconds",
			Help:    "How long requests took by method and pattern of the route, long polls with the time that they waited.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"method", "route"}),
	}
	return h, errors.Join(registry.Register(h.requests), registry.Register(h.duration))
}

// usualStatuses are those whose counter a route looks up once.
var usualStatuses = [...]int{
	http.StatusOK, http.StatusCreated, http.StatusNoContent, http.StatusFound, http.StatusNotModified, http.StatusBadRequest, http.StatusUnauthorized,
	http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable,
}

// Route returns what counts the requests of a route. method and route must be of a fixed set, never of a request's own.
func (h *HTTP) Route(method, route string) func(status int, took time.Duration) {
	duration := h.duration.WithLabelValues(method, route)
	count := func(status int) prometheus.Counter {
		return h.requests.WithLabelValues(method, route, strconv.Itoa(status))
	}
	var usual [len(usualStatuses)]atomic.Pointer[prometheus.Counter] // made with the first request, so that no series stands for nothing
	return func(status int, took time.Duration) {
		duration.Observe(took.Seconds())
		for i, s := range usualStatuses {
			if s != status {
				continue
			}
			c := usual[i].Load()
			if c == nil {
				counter := count(status)
				c = &counter
				usual[i].Store(c)
			}
			(*c).Inc()
			return
		}
		count(status).Inc()
	}
}
