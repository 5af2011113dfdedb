// Package pdf reads the text of PDF files with PDFium inside of a WebAssembly sandbox: it sees no file and no
// network, its memory is bounded, and it can be stopped in the middle of a page.
package pdf

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"reflect"
	"runtime"
	"strings"
	"sync"

	"github.com/klippa-app/go-pdfium"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Errors of files that cannot be read.
var (
	ErrEncrypted = errors.New("the file asks for a password")
	ErrMemory    = errors.New("the file needs more memory than the sandbox has")
)

// MemoryBytes bounds one sandbox's memory. Files of hundreds of pages take 17 MiB. While a sandbox grows it takes
// about twice its size.
const MemoryBytes = memoryPages << 16

// memoryPages is MemoryBytes in pages of WebAssembly.
const memoryPages = 1 << 10

// maxBroken is how many pages in a row may be broken: a small file can claim to have millions.
const maxBroken = 200

// Page is the text of one page.
type Page struct {
	Lines []Line
}

// Line is one line of text.
type Line struct {
	Text string
	Size float64 // height of its characters relative to the page's running text; 0 where unknown
	Bold bool    // from its first to its last character
}

// start compiles PDFium, once for the process and with its first file: it takes two seconds of two cores and some
// memory, which a process that meets no PDF does not pay.
var start = sync.OnceValues(func() (pdfium.Pool, error) {
	return webassembly.Init(webassembly.Config{
		MaxIdle:       0,
		MaxTotal:      runtime.NumCPU(),
		FSConfig:      wazero.NewFSConfig(), // the default would mount the whole file system
		RuntimeConfig: wazero.NewRuntimeConfig().WithMemoryLimitPages(memoryPages).WithCloseOnContextDone(true),
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
})

// Start starts PDFium where no file has yet, and returns when it is there, or when ctx ends: then it goes on starting.
func Start(ctx context.Context) error {
	started := make(chan error, 1)
	go func() {
		_, err := start()
		started <- err
	}()
	select {
	case err := <-started:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Facts are what a file says of itself.
type Facts struct{ Title, Author, Subject, Keywords string }

// Read calls page for each page in order, and starts PDFium where Start has not. It stops at page's first error and when
// ctx ends, which also stops PDFium in the middle of its work. The error is ErrEncrypted when the file asks for a password,
// and ErrMemory when it needs more than MemoryBytes.
func Read(ctx context.Context, data []byte, facts func(Facts), page func(number int, p Page) error) error {
	pool, err := start()
	if err != nil {
		return err
	}
	instance, err := pool.GetInstanceWithContext(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = instance.Close() }()
	module, err := moduleOf(instance)
	if err != nil {
		return err
	}
	memory := module.Memory()
	stop := context.AfterFunc(ctx, func() { _ = module.Close(context.Background()) })
	defer stop()
	r := reader{instance: instance}
	if err := r.open(data); err != nil {
		return err
	}
	facts(r.facts())
	count, err := instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: r.document})
	if err != nil {
		return err
	}
	broken, empty := 0, 0 // pages without text, in a row and in all
	for i := range count.PageCount {
		p, err := r.page(i)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			empty++
			if broken++; broken > maxBroken {
				return err
			}
			continue // one broken page does not take the others with it
		}
		if broken = 0; len(p.Lines) == 0 {
			empty++
		}
		if err := page(i+1, p); err != nil {
			return err
		}
	}
	if empty > 0 && memory.Size() > MemoryBytes*3/4 { // PDFium leaves out what it has no memory for
		return ErrMemory
	}
	return nil
}

// moduleOf is the sandbox behind an instance. Closing it ends a call that is running in it; the instance's own
// Kill does the same, but is not safe beside a running call.
func moduleOf(instance pdfium.Pdfium) (api.Module, error) {
	implementation := reflect.Indirect(reflect.ValueOf(instance.GetImplementation()))
	if implementation.Kind() == reflect.Struct {
		if field := implementation.FieldByName("Module"); field.IsValid() && field.CanInterface() {
			if module, ok := field.Interface().(api.Module); ok {
				return module, nil
			}
		}
	}
	return nil, errors.New("the version of go-pdfium in use does not give access to its sandbox")
}

type reader struct {
	instance pdfium.Pdfium
	document references.FPDF_DOCUMENT
}

func (r *reader) open(data []byte) error {
	// Through a reader PDFium asks for the parts it needs, and the file is not copied into the sandbox.
	opened, err := r.instance.OpenDocument(&requests.OpenDocument{FileReader: bytes.NewReader(data), FileReaderSize: int64(len(data))})
	if err == nil {
		r.document = opened.Document
		return nil
	}
	if errors.Is(err, pdfiumerrors.ErrPassword) || errors.Is(err, pdfiumerrors.ErrSecurity) {
		return ErrEncrypted
	}
	return err
}

// facts are empty where the file has none.
func (r *reader) facts() (f Facts) {
	found, err := r.instance.GetMetaData(&requests.GetMetaData{Document: r.document})
	if err != nil {
		return f
	}
	for _, tag := range found.Tags {
		switch tag.Tag {
		case "Title":
			f.Title = tag.Value
		case "Author":
			f.Author = tag.Value
		case "Subject":
			f.Subject = tag.Value
		case "Keywords":
			f.Keywords = tag.Value
		}
	}
	return f
}

func (r *reader) page(i int) (Page, error) {
	at := requests.Page{ByIndex: &requests.PageByIndex{Document: r.document, Index: i}}
	opened, err := r.instance.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: at})
	if err != nil {
		return Page{}, err
	}
	defer r.instance.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: opened.TextPage}) //nolint:errcheck // the sandbox ends with the file
	count, err := r.instance.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: opened.TextPage})
	if err != nil || count.Count <= 0 {
		return Page{}, err
	}
	text, err := r.instance.FPDFText_GetText(&requests.FPDFText_GetText{TextPage: opened.TextPage, Count: count.Count})
	if err != nil {
		return Page{}, err
	}
	return Page{Lines: lines(text.Text, pageFonts{r.instance, opened.TextPage})}, nil
}

// pageFonts looks up the fonts of a page's characters.
type pageFonts struct {
	instance pdfium.Pdfium
	page     references.FPDF_TEXTPAGE
}

// height is that of the font's box on the page, in points. The font's own size would not do: many producers
// write everything in size 1 and scale it.
func (p pageFonts) height(index int) float64 {
	box, err := p.instance.FPDFText_GetLooseCharBox(&requests.FPDFText_GetLooseCharBox{TextPage: p.page, Index: index})
	if err != nil {
		return 0
	}
	return math.Round(2*math.Abs(float64(box.Rect.Top-box.Rect.Bottom))) / 2
}

func (p pageFonts) samePlace(a, b int) bool {
	first, err := p.instance.FPDFText_GetLooseCharBox(&requests.FPDFText_GetLooseCharBox{TextPage: p.page, Index: a})
	if err != nil {
		return false
	}
	second, err := p.instance.FPDFText_GetLooseCharBox(&requests.FPDFText_GetLooseCharBox{TextPage: p.page, Index: b})
	return err == nil && first.Rect == second.Rect
}

func (p pageFonts) bold(index int) bool {
	info, err := p.instance.FPDFText_GetFontInfo(&requests.FPDFText_GetFontInfo{TextPage: p.page, Index: index})
	if err != nil {
		return false
	}
	name := strings.ToLower(info.FontName)
	return strings.Contains(name, "bold") || strings.Contains(name, "black") || strings.Contains(name, "heavy")
}
