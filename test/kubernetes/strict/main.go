// Strict reads files of a cluster as Kubernetes' own programs do, but for one thing:
// what they pass over is an error. Arguments are KIND=FILE, KIND being kubelet,
// kube-proxy, authentication or static-pod.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/apiserver"
	authenticationinstall "k8s.io/apiserver/pkg/apis/apiserver/install"
	authenticationvalidation "k8s.io/apiserver/pkg/apis/apiserver/validation"
	authenticationcel "k8s.io/apiserver/pkg/authentication/cel"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/capabilities"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	kubeletvalidation "k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	proxyconfig "k8s.io/kubernetes/pkg/proxy/apis/config"
	proxyscheme "k8s.io/kubernetes/pkg/proxy/apis/config/scheme"
	proxyvalidation "k8s.io/kubernetes/pkg/proxy/apis/config/validation"
)

var errReference = errors.New("static pods may not reference")

func main() {
	// As kube-apiserver has it with --allow-privileged.
	capabilities.Setup(true, 0)
	wrong := false
	for _, argument := range os.Args[1:] {
		kind, file, _ := strings.Cut(argument, "=")
		content, err := os.ReadFile(file)
		if err == nil {
			err = check(kind, content)
		}
		if err != nil {
			fmt.Printf("%s: %v\n", file, err)
			wrong = true
		}
	}
	if wrong {
		os.Exit(1)
	}
}

func check(kind string, content []byte) error {
	switch kind {
	case "kubelet":
		_, codecs, err := kubeletscheme.NewSchemeAndCodecs(serializer.EnableStrict)
		if err != nil {
			return err
		}
		object, err := decode[*kubeletconfig.KubeletConfiguration](*codecs, content)
		if err != nil {
			return err
		}
		// Of this machine, not of the file.
		object.FailCgroupV1 = false
		return kubeletvalidation.ValidateKubeletConfiguration(object, utilfeature.DefaultFeatureGate)
	case "kube-proxy":
		object, err := decode[*proxyconfig.KubeProxyConfiguration](serializer.NewCodecFactory(proxyscheme.Scheme, serializer.EnableStrict), content)
		if err != nil {
			return err
		}
		return proxyvalidation.Validate(object).ToAggregate()
	case "authentication":
		scheme := runtime.NewScheme()
		authenticationinstall.Install(scheme)
		object, err := decode[*apiserver.AuthenticationConfiguration](serializer.NewCodecFactory(scheme, serializer.EnableStrict), content)
		if err != nil {
			return err
		}
		return authenticationvalidation.ValidateAuthenticationConfiguration(authenticationcel.NewDefaultCompiler(), object, nil).ToAggregate()
	case "static-pod":
		pod, err := decode[*core.Pod](serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict), content)
		if err != nil {
			return err
		}
		if has, reference, _ := podutil.HasAPIObjectReference(pod); has {
			return fmt.Errorf("%w %s", errReference, reference)
		}
		// A kubelet names the Pod and its node first.
		pod.UID, pod.Spec.NodeName = "0", "node"
		return corevalidation.ValidatePodCreate(pod, corevalidation.PodValidationOptions{}).ToAggregate()
	}
	return fmt.Errorf("unknown kind %q", kind)
}

func decode[T runtime.Object](codecs serializer.CodecFactory, content []byte) (T, error) {
	var none T
	object, err := runtime.Decode(codecs.UniversalDecoder(), content)
	if err != nil {
		return none, err
	}
	typed, is := object.(T)
	if !is {
		return none, fmt.Errorf("it is a %T", object)
	}
	return typed, nil
}
