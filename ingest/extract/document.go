package extract

// Kind is what a block of text is.
type Kind string

// The kinds of blocks.
const (
	Heading     Kind = "heading"
	Paragraph   Kind = "paragraph"
	ListItem    Kind = "list_item"
	Code        Kind = "code"
	Quote       Kind = "quote"
	TableHeader Kind = "table_header" // the column names with the line below them; TableRows follow
	TableRow    Kind = "table_row"
)

// Block is a part of Document.Text. Blocks are in order, do not overlap, and cover all but white space.
type Block struct {
	Kind    Kind
	Level   int    // of a heading 1…6, of a list item its depth from 0
	Heading string // of a heading: its text without markup, on one line
	Start   int    // byte offset into Document.Text, markup included
	End     int    // exclusive
	Page    int    // from 1; 0 in formats without pages
}

// Document is what a file says.
type Document struct {
	Title       string
	Language    string // as the file declares it, such as en or es-MX; empty when it does not
	ContentType string // what the file turned out to be, without parameters
	// Text is Markdown-like: headings with #, list items with -, tables with |, code in fences. Plain text
	// stays as it is. Valid UTF-8 without control characters but \n and \t, so PostgreSQL can hold it.
	Text   string
	Blocks []Block
	// Metadata is what the file says of itself: strings, float64, bool and []string only.
	Metadata map[string]any
}
