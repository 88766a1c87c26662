package console

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// mostRows is how many rows are worth a look.
const mostRows = 20

// Table writes rows under a header. An empty cell becomes "-", a line that is too
// long is cut, and of many rows the first are shown.
func (c *Console) Table(header []string, rows [][]string) {
	more := len(rows) - mostRows
	if more <= 0 {
		c.print(table(header, rows))
		return
	}
	c.print(table(header, rows[:mostRows]) + fmt.Sprintf("  ... and %d more\n", more))
}

func table(header []string, rows [][]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = strings.ReplaceAll(cell, "\t", " "); cell == "" {
				cells[i] = "-"
			}
		}
		// A strings.Builder takes everything.
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush()
	var out strings.Builder
	for line := range strings.Lines(text.String()) {
		out.WriteString(cut("  "+strings.TrimRight(line, " \n"), Width) + "\n")
	}
	return out.String()
}
