package consolehttp

// campaignPages are the pages of campaigns and contracts.
func campaignPages() []Page {
	return []Page{}
}
