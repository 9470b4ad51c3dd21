package campaign

import (
	_ "testing"
	"time"

	_ "github.com/stretchr/testify/require"
	_ "go.uber.org/mock/gomock"
)

var _ = time.Now
