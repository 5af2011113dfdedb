package pineconeemu

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain also proves that Close stops every goroutine that Start and the calls began.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
