package audit

// InSmallChunks returns Options with chunks smaller by a divisor, and with several passes over the log when it is large.
func (o Options) InSmallChunks(divisor int64) Options {
	o.divisor = divisor
	if divisor >= 1000 {
		o.PassEvents = 20
	}
	return o
}
