package config

import (
	"fmt"
	"io"
	"strings"
)

// Language is a language of the reference pages.
type Language int

// The languages of the reference pages.
const (
	English Language = iota
	Chinese
)

// WriteReference writes the table of all settings as Markdown.
func WriteReference(w io.Writer, language Language) error {
	head := "| Flag and file key | Environment | Default | Meaning |"
	if language == Chinese {
		head = "| 命令行参数 / 配置文件键 | 环境变量 | 默认值 | 说明 |"
	}
	if _, err := fmt.Fprintln(w, head+"\n| --- | --- | --- | --- |"); err != nil {
		return err
	}
	for _, s := range settings {
		name := "`--" + s.flag + "`"
		if s.secret {
			name = "`" + s.flag + "`"
		}
		env := make([]string, len(s.env))
		for i, v := range s.env {
			env[i] = "`" + v + "`"
		}
		fallback := ""
		if s.fallback != "" {
			fallback = "`" + s.fallback + "`"
		}
		text := s.help
		if language == Chinese {
			text = s.zh
		}
		row := []string{name, strings.Join(env, ", "), fallback, strings.ReplaceAll(text, "|", `\|`)}
		if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | ")); err != nil {
			return err
		}
	}
	return nil
}
