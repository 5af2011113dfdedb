package extract

import "context"

// parsePlain keeps the text as it is, but for its encoding, line ends and control characters.
func parsePlain(_ context.Context, src source, b *builder) error {
	text, err := src.text()
	if err != nil {
		return err
	}
	b.verbatim(clean(text))
	return nil
}
