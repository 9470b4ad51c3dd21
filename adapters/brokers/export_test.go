package brokers

// SetFileSize sets how large the files of a relay become, about.
func SetFileSize(r *Relay, most int64) {
	if f, is := r.publisher.(*files); is {
		f.most = most
	}
}
