package console

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Table writes rows under a header. An empty cell becomes "-", and a line that is
// too long is cut.
func (c *Console) Table(header []string, rows [][]string) {
	c.print(table(header, rows))
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
