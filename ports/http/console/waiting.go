package consolehttp

type waitingContent struct {
	*Visit
}

func waiting(v *Visit) { v.Show("waiting", waitingContent{v}) }
