package extract

import "context"

// parsePlain keeps the text as it is, but for its encoding, line ends and control characters.
func parsePlain(_ context.Context, src source, b *builder) error {
	b.verbatim(clean(decodeText(src.data, src.charset)))
	return nil
}
