package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress is told on standard error: as a bar on a terminal, as a line now and then elsewhere. It goes by bytes: they
// are known before anything is read, and time goes by them rather than by files.
type progress struct {
	bar   *progressbar.ProgressBar // nil where there is no terminal
	out   io.Writer
	total int64 // bytes; -1 when nobody knows
	began time.Time

	mu        sync.Mutex
	documents int64
	bytes     int64
	told      time.Time // of the last line
}

// tellEvery is how often a line is written where there is no terminal.
const tellEvery = 30 * time.Second

// newProgress tells until total bytes are done; -1 when nobody knows how many there will be.
func newProgress(w io.Writer, terminal bool, total int64, began time.Time) *progress {
	p := &progress{out: w, total: total, began: began, told: began}
	if !terminal {
		return p
	}
	p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true),
		progressbar.OptionShowTotalBytes(true), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetElapsedTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(20),
		progressbar.OptionSpinnerType(14), progressbar.OptionClearOnFinish(),
		// The spinner turns with what is done: the goroutine that would turn it by itself reads the bar without its lock.
		progressbar.OptionSetSpinnerChangeInterval(0))
	return p
}

func (p *progress) add(documents int, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.documents, p.bytes = p.documents+int64(documents), p.bytes+bytes
	switch {
	case p.bar != nil:
		if documents > 0 {
			p.bar.Describe(p.rate())
		}
		_ = p.bar.Add64(bytes) // more than was told when a file has grown meanwhile: the bar stays full
	case time.Since(p.told) >= tellEvery:
		p.told = time.Now()
		fmt.Fprintln(p.out, p.line())
	}
}

func (p *progress) rate() string {
	return fmt.Sprintf("%d documents, %.0f/s", p.documents, float64(p.documents)/p.seconds())
}

func (p *progress) seconds() float64 { return max(time.Since(p.began).Seconds(), .001) }

// line is what the bar shows, in words.
func (p *progress) line() string {
	if p.total < 0 || p.bytes <= 0 {
		return fmt.Sprintf("%s, %.1f MB", p.rate(), float64(p.bytes)/1e6)
	}
	left := time.Duration(p.seconds() * float64(max(0, p.total-p.bytes)) / float64(p.bytes) * float64(time.Second))
	return fmt.Sprintf("%s, %.1f of %.1f MB, about %s left", p.rate(), float64(p.bytes)/1e6, float64(p.total)/1e6, left.Round(time.Second))
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Exit()
	}
}
