package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress is told on standard error, and only where somebody watches. It goes by bytes: they are known before
// anything is read, and time goes by them rather than by files.
type progress struct {
	bar       *progressbar.ProgressBar
	documents atomic.Int64
	began     time.Time
}

// newProgress draws until total bytes are told; -1 when nobody knows how many there will be.
func newProgress(w io.Writer, visible bool, total int64, began time.Time) *progress {
	p := &progress{began: began}
	if !visible {
		p.bar = progressbar.DefaultBytesSilent(total)
		return p
	}
	p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true),
		progressbar.OptionShowTotalBytes(true), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetElapsedTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(20),
		progressbar.OptionSpinnerType(14), progressbar.OptionClearOnFinish())
	return p
}

func (p *progress) add(documents int, bytes int64) {
	n := p.documents.Add(int64(documents))
	if documents > 0 {
		p.bar.Describe(fmt.Sprintf("%d documents, %.0f/s", n, float64(n)/max(time.Since(p.began).Seconds(), .001)))
	}
	_ = p.bar.Add64(bytes) // more than was told when a file has grown meanwhile: the bar stays full
}

// end takes the bar away.
func (p *progress) end() { _ = p.bar.Exit() }
