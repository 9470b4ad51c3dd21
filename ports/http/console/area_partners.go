package consolehttp

// partnerPages are the pages of partners, customers and form leads.
func partnerPages() []Page {
	return []Page{}
}
