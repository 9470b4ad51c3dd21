package consolehttp

// Confirm is a page that asks before what cannot be undone, and says what will be.
type Confirm struct {
	*Visit

	Title, Consequence string
	Button             string // the verb, such as "Erase this lead"
	Action, Back       string // where the form is posted to, and where a change of mind leads
	Danger             bool
	Inputs             []Field // what is asked beside
}

// ShowConfirm answers the page.
func (v *Visit) ShowConfirm(c Confirm) {
	c.Visit = v
	v.Show("confirm", c)
}
