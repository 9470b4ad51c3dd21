package load

import (
	"math/bits"
	"time"
)

// The buckets of a histogram: values below 2*subBuckets microseconds have one each, every further power of two has
// subBuckets, so a reading is at most 1/64 (1.6%) too high.
const (
	subBits    = 6
	subBuckets = 1 << subBits
	powers     = 24 // up to 2^(24+6) µs, a quarter of an hour
	buckets    = subBuckets * (powers + 1)
)

// histogram counts latencies without allocating.
type histogram struct {
	counts [buckets]uint32
	total  int64
	max    time.Duration
}

func bucketOf(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < subBuckets {
		return int(us)
	}
	power := bits.Len64(us) - subBits // from 1
	return min(subBuckets*power+int(us>>(power-1))-subBuckets, buckets-1)
}

// upper is the largest latency that falls into a bucket.
func upper(bucket int) time.Duration {
	power := bucket / subBuckets
	if power == 0 {
		return time.Duration(bucket) * time.Microsecond
	}
	us := uint64(bucket%subBuckets+subBuckets+1)<<(power-1) - 1
	return time.Duration(us) * time.Microsecond
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
	h.max = max(h.max, d)
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.max = max(h.max, o.max)
}

// quantile returns the latency that a share q, above 0 and up to 1, of all requests did not exceed; 0 when there are none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := max(int64(q*float64(h.total)+0.999999), 1)
	var seen int64
	for i, n := range h.counts {
		if seen += int64(n); seen >= rank {
			return min(upper(i), h.max)
		}
	}
	return h.max
}
