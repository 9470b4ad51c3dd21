package bus

// Own reports whether the commands of a text of lane have a lane of their own, and how many are queued in it.
func (b *Batcher[C, R]) Own(key string) (own bool, queued int) {
	b.ownMu.Lock()
	defer b.ownMu.Unlock()
	l := b.own[key]
	if l == nil {
		return false, 0
	}
	return true, len(l.queue)
}

// Queued returns how many commands are queued in the lanes that all share.
func (b *Batcher[C, R]) Queued() (n int) {
	for _, l := range b.lanes {
		n += len(l)
	}
	return n
}
