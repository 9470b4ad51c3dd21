package consolehttp

// settingsPages are the pages of settings, keys, people and the installation.
func settingsPages() []Page {
	return []Page{}
}
