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
	title, intro                                string
	key, values, standard, where, scope, doc    string
	immutable, pending, to, all, text, or, also string
	stop                                        string
}

// policyExample lets everybody have intranet load balancers and the certificates
// of the team that shares them, and one namespace all.
const policyExample = "```yaml\n" + `annotation-policy:
- namespaces: ["*"]
  allow:
    address-type: [intranet]
    cert-id: ["shared-*"]
- namespaces: [edge]
  scopes: [cost, shared]
` + "```"

var inEnglish = words{
	title: "Annotations of load balancer Services",
	intro: "*[中文](annotations.zh.md)* · Generated from the registry in `pkg/loadbalancer/annotation`; do not edit.\n\n" +
		"A key is one of the prefixes and a suffix. The first prefix is the documented one; when several give one suffix, the first wins.\n\n" +
		"- `" + Prefix + "`\n- `" + LegacyPrefix + "`\n- `" + ArchonPrefix + "`\n\n" +
		"Removing an annotation, or giving it an empty value, restores the default. A Service with a wrong value is refused before anything is changed, " +
		"with one Event that lists all mistakes. An unknown key under these prefixes, or under `" + OwnPrefix + "`, gets a Warning that names the nearest known one.\n\n" +
		"**A value for each port.** A setting of listeners is one value for all ports, `\"900\"`, or one for each, `\"80:60,443:900\"`: then every item has a port, " +
		"ports that are not named have the default, and lists within are joined by bars, `\"80:http_2xx|http_3xx,443:http_2xx\"`. " +
		"Settings that are themselves lists of pairs (such as protocol-port) name their ports by themselves.\n\n" +
		"**Scope.** tenant settings concern the Service alone; shared ones touch what others use too; cost ones change the bill. " +
		"With the configuration's `annotation-policy`, namespaces may use the shared and cost settings that it allows them, and all tenant ones. In the file of `--cloud-config`, with rules that add up:\n\n" + policyExample,
	key: "Key", values: "Values", standard: "Default", where: "Listeners", scope: "Scope", doc: "Meaning",
	immutable: "Fixed at creation: to change it, delete the Service and create it again (its address changes).",
	pending:   "Not in this version: other values than the default are refused.",
	to:        "to", all: "–", text: "text", or: "or", also: "Also as", stop: ".",
}

var inChinese = words{
	title: "负载均衡 Service 的注解",
	intro: "*[English](annotations.md)* · 由 `pkg/loadbalancer/annotation` 中的注册表生成，请勿手工修改。\n\n" +
		"完整的键由前缀和后缀组成。推荐使用第一个前缀；同一后缀以多个前缀出现时，以排在前面的为准。\n\n" +
		"- `" + Prefix + "`\n- `" + LegacyPrefix + "`\n- `" + ArchonPrefix + "`\n\n" +
		"删除注解或将其置空即恢复默认值。注解值有误的 Service 在任何变更之前就会被拒绝，并以一个 Event 列出全部错误。" +
		"这些前缀以及 `" + OwnPrefix + "` 下的未知键会得到 Warning，并提示最接近的已知键。\n\n" +
		"**按端口取值。** 监听的设置可以对所有端口取同一个值，如 `\"900\"`，也可以逐个端口取值，如 `\"80:60,443:900\"`：此时每一项都要写端口，" +
		"未列出的端口使用默认值，值本身是列表时用竖线连接，如 `\"80:http_2xx|http_3xx,443:http_2xx\"`。本身就是成对列表的设置（如 protocol-port）自带端口。\n\n" +
		"**范围。** tenant 设置只影响该 Service 自身；shared 设置涉及他人共用的资源；cost 设置影响费用。" +
		"配置了 `annotation-policy` 后，各命名空间可以使用全部 tenant 设置，以及该策略允许的 shared 和 cost 设置。写在 `--cloud-config` 文件中，规则相互叠加：\n\n" + policyExample,
	key: "键", values: "取值", standard: "默认值", where: "适用监听", scope: "范围", doc: "含义",
	immutable: "创建后不可修改：如需修改，请删除并重新创建 Service（地址会改变）。",
	pending:   "本版本尚不支持：默认值以外的取值会被拒绝。",
	to:        "至", all: "–", text: "文本", or: "或", also: "别名", stop: "。",
}

// Reference returns the reference page of all annotations as Markdown.
func Reference(language Language) string {
	w, pick := inEnglish, func(d Doc) string { return d.English }
	if language == Chinese {
		w, pick = inChinese, func(d Doc) string { return d.Chinese }
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", w.title, w.intro)
	for _, part := range parts() {
		fmt.Fprintf(&b, "\n## %s\n\n| %s | %s | %s | %s | %s | %s |\n| --- | --- | --- | --- | --- | --- |\n",
			pick(part.title), w.key, w.values, w.standard, w.where, w.scope, w.doc)
		for _, e := range part.entries {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n",
				e.keyText(), e.valuesText(w), e.defaultText(pick), e.listenersText(w), e.Scope, e.docText(w, pick))
		}
	}
	return b.String()
}

func (e Entry) keyText() string {
	if len(e.FullKeys) > 0 {
		return "`" + strings.Join(e.FullKeys, "`, `") + "`"
	}
	return "`" + string(e.Key) + "`"
}

func (e Entry) valuesText(w words) string {
	switch e.Type {
	case Integer:
		text := fmt.Sprintf("%d %s %d", e.Min, w.to, e.Max)
		for _, choice := range e.Choices {
			text += fmt.Sprintf(" %s `%s`", w.or, choice)
		}
		return text
	case Choice, ChoiceList:
		return "`" + strings.Join(e.Choices, "`, `") + "`"
	case TagList:
		return "`k=v,k2=v2`"
	case List, PairList:
		return "`" + e.Form + "`"
	case Text:
		return w.text
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
	if e.Pending {
		text += " " + w.pending
	}
	if len(e.Aliases) > 0 {
		text += fmt.Sprintf(" %s: `%s`%s", w.also, strings.Join(e.Aliases, "`, `"), w.stop)
	}
	return text
}
