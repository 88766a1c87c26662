// Generate writes the reference pages that come from code: configuration,
// events, metrics and annotations, in English and Chinese.
//
//go:generate go run . ..
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	_ "github.com/kube-aliyun/kube-aliyun/pkg/manager" // every package that makes metrics
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write writes every page into the folder.
func write(folder string) error {
	pages := map[string]func() (string, error){
		"configuration.md":    func() (string, error) { return configuration(config.English) },
		"configuration.zh.md": func() (string, error) { return configuration(config.Chinese) },
		"events.md":           func() (string, error) { return events(false), nil },
		"events.zh.md":        func() (string, error) { return events(true), nil },
		"metrics.md":          func() (string, error) { return metrics(false), nil },
		"metrics.zh.md":       func() (string, error) { return metrics(true), nil },
		"annotations.md":      func() (string, error) { return annotation.Reference(annotation.English), nil },
		"annotations.zh.md":   func() (string, error) { return annotation.Reference(annotation.Chinese), nil },
	}
	for name, page := range pages {
		text, err := page()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil { // #nosec G306 G703 -- a page for everybody, where the caller says
			return err
		}
	}
	return nil
}

func configuration(language config.Language) (string, error) {
	var b bytes.Buffer
	if language == config.Chinese {
		b.WriteString("# 配置\n\n*[English](configuration.md)* · 由 `pkg/config` 生成，请勿手工修改。\n\n" +
			"优先级：命令行参数、环境变量、`--cloud-config` 指定的 YAML 文件（键为不带短横线前缀的参数名）、元数据服务、默认值。" +
			"密钥没有命令行参数，因为进程参数人人可见。k8s.io/cloud-provider 框架自身的参数见 `aliyun-controller --help`；" +
			"`--server` 是 `--master` 的旧名。\n\n")
	} else {
		b.WriteString("# Configuration\n\n*[中文](configuration.zh.md)* · Generated from `pkg/config`; do not edit.\n\n" +
			"In order of precedence: flags, environment variables, the YAML file of `--cloud-config` (its keys are the flags' names), the metadata service, defaults. " +
			"Secrets have no flag, because everybody can read a process's arguments. `aliyun-controller --help` lists the flags of the k8s.io/cloud-provider framework as well; " +
			"`--server` is the old name of `--master`.\n\n")
	}
	err := config.WriteReference(&b, language)
	return b.String(), err
}

func events(chinese bool) string {
	var b strings.Builder
	if chinese {
		b.WriteString("# 事件\n\n*[English](events.md)* · 由 `pkg/event` 生成，请勿手工修改。\n\n| 原因 | 类型 | 说明 |\n| --- | --- | --- |\n")
	} else {
		b.WriteString("# Events\n\n*[中文](events.zh.md)* · Generated from `pkg/event`; do not edit.\n\n| Reason | Type | Meaning |\n| --- | --- | --- |\n")
	}
	for _, r := range event.All() {
		text := r.Doc
		if chinese {
			text = r.DocZH
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Name, r.Type, cell(text))
	}
	return b.String()
}

func metrics(chinese bool) string {
	var b strings.Builder
	if chinese {
		b.WriteString("# 指标\n\n*[English](metrics.md)* · 由 `pkg/metric` 生成，请勿手工修改。\n\n" +
			"这些指标与框架自身的指标一起在安全端口的 `/metrics` 提供，访问需要经过授权。\n\n| 名称 | 类型 | 标签 | 说明 |\n| --- | --- | --- | --- |\n")
	} else {
		b.WriteString("# Metrics\n\n*[中文](metrics.zh.md)* · Generated from `pkg/metric`; do not edit.\n\n" +
			"They stand beside the framework's own at `/metrics` on the secure port, which needs authorisation.\n\n| Name | Kind | Labels | Meaning |\n| --- | --- | --- | --- |\n")
	}
	for _, m := range metric.All() {
		text := m.Help
		if chinese {
			text = m.HelpZH
		}
		labels := make([]string, len(m.Labels))
		for i, l := range m.Labels {
			labels[i] = "`" + l + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Kind, strings.Join(labels, ", "), cell(text))
	}
	return b.String()
}

// cell keeps a text inside its table cell.
func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", `\|`), "\n", " ")
}
