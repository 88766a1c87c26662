package annotation

import (
	"fmt"
	"strings"
)

// Language of a reference page.
type Language int

// The languages of the reference page.
const (
	English Language = iota
	Chinese
)

// words are the fixed texts of the reference page.
type words struct {
	title, intro, instance, listeners           string
	suffix, values, standard, where, scope, doc string
	immutable, to, all                          string
	other                                       string
}

var inEnglish = words{
	title: "Annotations of load balancer Services",
	intro: "*[中文](annotations.zh.md)* · Generated from the registry in `pkg/loadbalancer/annotation`; do not edit.\n\n" +
		"A key is one of the prefixes and a suffix. The first prefix is the documented one; when several give one suffix, the first wins.\n\n" +
		"- `" + Prefix + "`\n- `" + LegacyPrefix + "`\n- `" + ArchonPrefix + "`\n\n" +
		"Removing an annotation, or giving it an empty value, restores the default. A Service with a wrong value is refused before anything is changed, " +
		"with one Event that lists all mistakes. An unknown key under these prefixes, or under `" + OwnPrefix + "`, gets a Warning that names the nearest known one.",
	instance: "The instance", listeners: "The listeners",
	suffix: "Suffix", values: "Values", standard: "Default", where: "Listeners", scope: "Scope", doc: "Meaning",
	immutable: "Fixed at creation: to change it, delete the Service and create it again (its address changes).",
	to:        "to", all: "–", other: "Also as",
}

var inChinese = words{
	title: "负载均衡 Service 的注解",
	intro: "*[English](annotations.md)* · 由 `pkg/loadbalancer/annotation` 中的注册表生成，请勿手工修改。\n\n" +
		"完整的键由前缀和后缀组成。推荐使用第一个前缀；同一后缀以多个前缀出现时，以排在前面的为准。\n\n" +
		"- `" + Prefix + "`\n- `" + LegacyPrefix + "`\n- `" + ArchonPrefix + "`\n\n" +
		"删除注解或将其置空即恢复默认值。注解值有误的 Service 在任何变更之前就会被拒绝，并以一个 Event 列出全部错误。" +
		"这些前缀以及 `" + OwnPrefix + "` 下的未知键会得到 Warning，并提示最接近的已知键。",
	instance: "实例", listeners: "监听",
	suffix: "后缀", values: "取值", standard: "默认值", where: "适用监听", scope: "范围", doc: "含义",
	immutable: "创建后不可修改：如需修改，请删除并重新创建 Service（地址会改变）。",
	to:        "至", all: "–", other: "别名",
}

// Reference returns the reference page of all annotations as Markdown.
func Reference(language Language) string {
	w, pick := inEnglish, func(d Doc) string { return d.English }
	if language == Chinese {
		w, pick = inChinese, func(d Doc) string { return d.Chinese }
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", w.title, w.intro)
	for _, part := range []struct {
		title   string
		entries []Entry
	}{{w.instance, instanceEntries()}, {w.listeners, listenerEntries()}} {
		fmt.Fprintf(&b, "\n## %s\n\n| %s | %s | %s | %s | %s | %s |\n| --- | --- | --- | --- | --- | --- |\n",
			part.title, w.suffix, w.values, w.standard, w.where, w.scope, w.doc)
		for _, e := range part.entries {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n",
				e.Key, e.valuesText(w), e.defaultText(pick), e.listenersText(w), e.Scope, e.docText(w, pick))
		}
	}
	return b.String()
}

func (e Entry) valuesText(w words) string {
	switch e.Type {
	case Integer:
		return fmt.Sprintf("%d %s %d", e.Min, w.to, e.Max)
	case Choice, ChoiceList:
		separator := ", "
		return "`" + strings.Join(e.Choices, "`"+separator+"`") + "`"
	case TagList:
		return "`k=v,k2=v2`"
	case Text:
		return "text"
	}
	return string(e.Type)
}

func (e Entry) defaultText(pick func(Doc) string) string {
	if doc := pick(e.DefaultDoc); doc != "" {
		return doc
	}
	return "`" + e.Default + "`"
}

func (e Entry) listenersText(w words) string {
	if len(e.Listeners) == 0 {
		return w.all
	}
	names := make([]string, 0, len(e.Listeners))
	for _, p := range e.Listeners {
		names = append(names, strings.ToUpper(string(p)))
	}
	return strings.Join(names, ", ")
}

func (e Entry) docText(w words, pick func(Doc) string) string {
	text := pick(e.Doc)
	if e.Immutable {
		text += " " + w.immutable
	}
	if len(e.Aliases) > 0 {
		text += fmt.Sprintf(" %s: `%s`.", w.other, strings.Join(e.Aliases, "`, `"))
	}
	return text
}
