package extract

import (
	"bytes"
	"context"

	"github.com/xuri/excelize/v2"
)

// maxSheetInMemory is the unpacked size from which on sheets and their strings lie in a temporary file, in bytes.
const maxSheetInMemory = 8 << 20

// parseXLSX reads the cells of all visible sheets as they are displayed: each sheet a heading and a table.
// Formulas count with the result they were stored with; nothing is computed.
func parseXLSX(ctx context.Context, src source, b *builder) error {
	a, err := openArchive(src)
	if err != nil {
		return err
	}
	if err := a.probe(); err != nil {
		return err
	}
	if err := coreProperties(ctx, a, b); err != nil {
		return err
	}
	book, err := excelize.OpenReader(bytes.NewReader(src.data), excelize.Options{
		UnzipSizeLimit:    src.limits.ArchiveBytes,
		UnzipXMLSizeLimit: maxSheetInMemory,
	})
	if err != nil {
		return err
	}
	defer book.Close()
	for _, sheet := range book.GetSheetList() {
		if visible, err := book.GetSheetVisible(sheet); err == nil && !visible {
			continue
		}
		if err := xlsxSheet(ctx, book, sheet, b); err != nil {
			return err
		}
	}
	return noText(b)
}

func xlsxSheet(ctx context.Context, book *excelize.File, sheet string, b *builder) error {
	rows, err := book.Rows(sheet)
	if err != nil {
		return err
	}
	defer rows.Close()
	first := true
	for n := 0; rows.Next() && !b.full; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		cells, err := rows.Columns()
		if err != nil {
			return err
		}
		if len(cells) > maxColumns {
			return tooLarge("a row may have at most %d columns", maxColumns)
		}
		if _, ok := b.tableLine(cells); !ok {
			continue
		}
		if first {
			b.heading(2, sheet)
			b.tableHeader(cells)
			first = false
			continue
		}
		b.tableRow(cells)
	}
	return rows.Error()
}
