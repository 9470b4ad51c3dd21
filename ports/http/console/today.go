package consolehttp

type todayContent struct {
	*Visit
}

// today shows what happens now, and what needs somebody.
func today(v *Visit) { v.Show("today", todayContent{v}) }
