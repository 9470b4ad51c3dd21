package consolehttp

// buyerPages are the pages of buyers.
func buyerPages() []Page {
	return []Page{}
}
