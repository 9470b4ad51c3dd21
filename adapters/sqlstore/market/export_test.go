package market

// Look sets how many rows a page of searched leads looks at.
func (r *Reader) Look(most int) { r.most = most }
