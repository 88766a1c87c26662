// Package console tells a person what is done, what it is waited for and what
// there is, in plain text of at most 100 columns.
package console

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Width is how long a line gets.
const Width = 100

// Console writes to a person. It is safe for concurrent use.
type Console struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
	// every is how often a wait says that it goes on.
	every time.Duration
}

// New returns a console whose clock starts now.
func New(out io.Writer) *Console {
	return &Console{out: out, start: time.Now(), every: 4 * time.Second}
}

// Elapsed is the time since the console was made.
func (c *Console) Elapsed() time.Duration { return time.Since(c.start) }

// Heading begins a chapter.
func (c *Console) Heading(title string) {
	c.print("\n" + title + "\n" + strings.Repeat("-", len([]rune(title))) + "\n")
}

// Say writes a paragraph, wrapped.
func (c *Console) Say(format string, values ...any) {
	c.print(wrap(fmt.Sprintf(format, values...), Width))
}

// Quote writes what somebody else says, wrapped and indented.
func (c *Console) Quote(format string, values ...any) {
	indent := strings.Repeat(" ", stampWidth+2)
	text := wrap(fmt.Sprintf(format, values...), Width-len(indent))
	c.print(indent + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+indent) + "\n")
}

// Line writes a line as it is.
func (c *Console) Line(format string, values ...any) {
	c.print(fmt.Sprintf(format, values...) + "\n")
}

// Step writes what has been done, with the time since the start.
func (c *Console) Step(format string, values ...any) {
	c.print(c.stamp() + cut(fmt.Sprintf(format, values...), Width-stampWidth) + "\n")
}

// Write makes each line written to it a step: for programs that report lines.
func (c *Console) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			c.Step("  %s", line)
		}
	}
	return len(text), nil
}

// stampWidth is the length of a stamp.
const stampWidth = 10

func (c *Console) stamp() string {
	return fmt.Sprintf("%7.1fs  ", c.Elapsed().Seconds())
}

func (c *Console) print(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Nothing can be told to somebody who does not listen.
	_, _ = io.WriteString(c.out, text)
}

// wrap breaks text between words. The result ends with a newline.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		length := len([]rune(word))
		switch {
		case column == 0:
		case column+1+length > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += length
	}
	b.WriteByte('\n')
	return b.String()
}

// cut shortens text to a number of characters.
func cut(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:width-1]) + "…"
}
