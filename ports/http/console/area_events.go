package consolehttp

// eventPages are the pages of events and webhooks.
func eventPages() []Page {
	return []Page{}
}
