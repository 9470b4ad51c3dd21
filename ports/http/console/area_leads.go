package consolehttp

// leadPages are the pages of leads.
func leadPages() []Page {
	return []Page{}
}
