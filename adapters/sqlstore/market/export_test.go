package market

// Look sets how many rows a page of searched leads looks at.
func (r *Reader) Look(most int) { r.most = most }

// LookAtHours sets how many leads of a day are counted by hours.
func (r *Reader) LookAtHours(most int64) { r.pulsed = most }
