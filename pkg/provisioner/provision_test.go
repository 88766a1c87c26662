package provisioner

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

func TestCase28SizeIsRoundedUpAndRaisedToTheMinimum(t *testing.T) {
	for _, c := range []struct {
		category, level, asked string
		want                   int
	}{
		{"cloud_efficiency", "", "3Gi", 20}, {"cloud_efficiency", "", "20.5Gi", 21}, {"cloud_ssd", "", "100G", 94},
		{"cloud_essd", "", "1Gi", 20}, {"cloud_essd", "PL0", "1Gi", 1}, {"cloud_essd", "PL2", "100Gi", 461}, {"cloud_essd", "PL3", "100Gi", 1261},
		{"cloud_auto", "", "1", 1}, {"cloud", "", "2000Gi", 2000}, {"cloud_essd", "PL1", "65536Gi", 65536},
	} {
		t.Run(c.category+c.level+c.asked, func(t *testing.T) {
			got, err := sizeFor(c.category, c.level, resource.MustParse(c.asked))
			if err != nil || got != c.want {
				t.Errorf("%d, %v; want %d", got, err, c.want)
			}
		})
	}
}

func TestCase28VolumeHasWhatTheDriverAndTheSchedulerNeed(t *testing.T) {
	r := newRig(t)
	o := options("3Gi", "diskCategory", "cloud_efficiency", "fsType", "xfs", "mkfsOptions", "-n ftype=1", "diskTags", "team:a,stage:b",
		"snapshotOnDelete", "true", "snapshotRetentionDays", "7")
	pv := r.provision(o)
	d := r.oneDisk()
	flex := pv.Spec.FlexVolume
	if flex.Driver != "aliyun/flexv" || flex.FSType != "xfs" || flex.Options["diskId"] != d.ID || flex.Options["flags"] != "noatime,nodiratime" ||
		flex.Options["mkfsOptions"] != "-n ftype=1" || flex.SecretRef != nil || len(flex.Options) != 3 {
		t.Errorf("%+v", flex)
	}
	capacity := pv.Spec.Capacity[corev1.ResourceStorage]
	if capacity.String() != "20Gi" || !slices.Equal(pv.Spec.AccessModes, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}) ||
		len(pv.Spec.MountOptions) != 0 || pv.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		t.Errorf("%+v", pv.Spec)
	}
	if pv.Annotations[AnnotationSnapshot] != "7" {
		t.Errorf("%v", pv.Annotations)
	}
	terms := pv.Spec.NodeAffinity.Required.NodeSelectorTerms
	if len(terms) != 1 || len(terms[0].MatchExpressions) != 2 || terms[0].MatchExpressions[1].Key != corev1.LabelTopologyZone ||
		!slices.Equal(terms[0].MatchExpressions[1].Values, []string{d.Zone}) {
		t.Errorf("%+v", terms)
	}
	for key, want := range map[string]string{
		"kube-aliyun.io/cluster-id": "c1", "kube-aliyun.io/volume": "pvc-1", "kube-aliyun.io/claim": "ns/data-0",
		"kube-aliyun.io/claim-uid": "uid-1", "kube-aliyun.io/role": "disk", "team": "a", "stage": "b",
	} {
		if d.Tags[key] != want {
			t.Errorf("tag %s is %q, want %q", key, d.Tags[key], want)
		}
	}
	if d.SizeGiB != 20 || d.Category != "cloud_efficiency" || d.Name != "pvc-1" || d.DeleteWithInstance {
		t.Errorf("%+v", d)
	}
}

func TestCase28ProvisioningCostsThreeCalls(t *testing.T) {
	r := newRig(t)
	r.provision(options("20Gi", "type", "cloud_essd"))
	r.calls("DescribeDisks 2", "CreateDisk 1")
}

func TestCase28WhatCannotBeIsRefusedWithoutACall(t *testing.T) {
	block := corev1.PersistentVolumeBlock
	for name, c := range map[string]struct {
		options controller.ProvisionOptions
		change  func(*corev1.PersistentVolumeClaimSpec)
		word    string
	}{
		"block":            {options: options("20Gi"), change: func(s *corev1.PersistentVolumeClaimSpec) { s.VolumeMode = &block }, word: "Block"},
		"selector":         {options: options("20Gi"), change: func(s *corev1.PersistentVolumeClaimSpec) { s.Selector = &metav1.LabelSelector{} }, word: "selector"},
		"several writers":  {options: options("20Gi"), change: func(s *corev1.PersistentVolumeClaimSpec) { s.AccessModes = append(s.AccessModes, corev1.ReadWriteMany) }, word: "ReadWriteMany"},
		"data source":      {options: options("20Gi"), change: func(s *corev1.PersistentVolumeClaimSpec) { s.DataSource = &corev1.TypedLocalObjectReference{} }, word: "snapshotId"},
		"too large":        {options: options("70000Gi"), word: "65536Gi"},
		"unknown":          {options: options("20Gi", "diskCatgory", "cloud"), word: "diskCatgory"},
		"wrong category":   {options: options("20Gi", "type", "floppy"), word: "floppy"},
		"ephemeral":        {options: options("64Gi", "type", "elastic_ephemeral_disk_standard"), word: "elastic_ephemeral_disk_standard"},
		"wrong level":      {options: options("20Gi", "performanceLevel", "PL9"), word: "PL9"},
		"level of no ESSD": {options: options("20Gi", "type", "cloud_ssd", "performanceLevel", "PL1"), word: "performanceLevel"},
		"another region":   {options: options("20Gi", "regionId", "cn-beijing"), word: "cn-beijing"},
		"zone elsewhere":   {options: options("20Gi", "zoneId", "cn-beijing-a"), word: "cn-beijing-a"},
		"key of nothing":   {options: options("20Gi", "kmsKeyId", "key-1"), word: "encrypted"},
		"reserved tag":     {options: options("20Gi", "diskTags", "kube-aliyun.io/cluster-id:c2"), word: "reserved"},
		"below the limit": {options: options("3Gi", "type", "cloud_ssd"), change: func(s *corev1.PersistentVolumeClaimSpec) {
			s.Resources.Limits = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("5Gi")}
		}, word: "20Gi"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if c.change != nil {
				c.change(&c.options.PVC.Spec)
			}
			r.fails(c.options, controller.ProvisioningFinished, c.word)
			r.calls()
		})
	}
}

func TestEveryMistakeOfAClassIsToldAtOnce(t *testing.T) {
	r := newRig(t)
	r.fails(options("20Gi", "tpye", "cloud", "performanceLevel", "PL9", "encrypted", "maybe"), controller.ProvisioningFinished, "tpye", "PL9", "maybe")
}

func TestCase29OneDiskThoughTheReplyIsLost(t *testing.T) {
	r := newRig(t)
	r.sim.Fault(fault.Rule{Action: "CreateDisk", Kind: fault.DropReply, Count: 1})
	o := options("20Gi")
	pv, state, err := r.Provision(t.Context(), o)
	if err != nil && state != controller.ProvisioningInBackground {
		t.Fatalf("%s: %v", state, err)
	}
	if err != nil {
		pv = r.provision(o)
	}
	if d := r.oneDisk(); pv.Spec.FlexVolume.Options["diskId"] != d.ID {
		t.Errorf("the volume has %v, the disk is %s", pv.Spec.FlexVolume.Options, d.ID)
	}
}

func TestCase29OneDiskThoughTheProcessDiesAfterTheCall(t *testing.T) {
	for _, lag := range []time.Duration{0, 300 * time.Millisecond} {
		t.Run(fmt.Sprint("tags seen after ", lag), func(t *testing.T) {
			r := newRig(t)
			r.sim.Knobs(func(k *api.Knobs) { k.DiskTagLag = lag })
			first := r.provision(options("20Gi"))
			r.restart()
			again := r.provision(options("20Gi"))
			if d := r.oneDisk(); first.Spec.FlexVolume.Options["diskId"] != d.ID || again.Spec.FlexVolume.Options["diskId"] != d.ID {
				t.Errorf("%v, then %v", first.Spec.FlexVolume.Options, again.Spec.FlexVolume.Options)
			}
		})
	}
}

func TestCase29ADiskMayBeInTheMakingAfterAnUnclearAnswer(t *testing.T) {
	for name, rule := range map[string]fault.Rule{
		"processing":     {Kind: fault.ServerError, Code: "LastTokenProcessing", Status: http.StatusForbidden},
		"token mismatch": {Kind: fault.ServerError, Code: "IdempotentParameterMismatch", Status: http.StatusForbidden},
		"server error":   {Kind: fault.ServerError, Status: http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			rule.Action = "CreateDisk"
			id := r.sim.Fault(rule)
			r.fails(options("20Gi"), controller.ProvisioningInBackground)
			r.sim.ClearFault(id)
			r.provision(options("20Gi"))
			r.oneDisk()
		})
	}
}

func TestCase29NextCategoryIsTakenWhenOneIsOutOfStock(t *testing.T) {
	r := newRig(t)
	r.sim.Knobs(func(k *api.Knobs) {
		k.DisksOutOfStock = []string{"cloud_auto"}
		k.DisksNotSold = []string{zoneH + "/cloud_essd"}
	})
	r.provision(options("3Gi", "type", "cloud_auto,cloud_essd,cloud_efficiency"))
	if d := r.oneDisk(); d.Category != "cloud_efficiency" || d.SizeGiB != 20 {
		t.Errorf("%+v", d)
	}
}

func TestCase29AnotherNodeIsAskedForWhenNothingIsInStock(t *testing.T) {
	r := newRig(t)
	r.sim.Knobs(func(k *api.Knobs) { k.DisksOutOfStock = []string{zoneH + "/cloud_essd"} })
	o := options("20Gi", "type", "cloud_essd")
	o.SelectedNodeName = "node-1"
	r.fails(o, controller.ProvisioningReschedule, "NoStock", zoneH)
	o.SelectedNodeName = "node-2"
	r.provision(o)
	if d := r.oneDisk(); d.Zone != zoneI {
		t.Errorf("%+v", d)
	}
}

func TestCase29DiskIsInTheZoneOfTheSelectedNode(t *testing.T) {
	r := newRig(t)
	o := options("20Gi")
	o.SelectedNodeName = "node-2"
	r.provision(o)
	if d := r.oneDisk(); d.Zone != zoneI {
		t.Errorf("%+v", d)
	}
}

func TestCase29DiskOfAnEarlierChoiceIsReplaced(t *testing.T) {
	r := newRig(t)
	o := options("20Gi")
	o.SelectedNodeName = "node-1"
	r.provision(o)
	o.SelectedNodeName = "node-2"
	r.provision(o)
	if d := r.oneDisk(); d.Zone != zoneI {
		t.Errorf("%+v", d)
	}
	o.SelectedNodeName = "node-1"
	pv := r.provision(o)
	if d := r.oneDisk(); d.Zone != zoneH || pv.Spec.FlexVolume.Options["diskId"] != d.ID {
		t.Errorf("%+v of %v", d, pv.Spec.FlexVolume.Options)
	}
}

func TestDiskOfASavedVolumeIsNeverReplaced(t *testing.T) {
	r := newRig(t)
	o := options("20Gi")
	o.SelectedNodeName = "node-1"
	pv := r.provision(o)
	if _, err := r.client.CoreV1().PersistentVolumes().Create(t.Context(), pv, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	o.SelectedNodeName = "node-2"
	r.fails(o, controller.ProvisioningNoChange, "pvc-1")
	if d := r.oneDisk(); d.Zone != zoneH {
		t.Errorf("%+v", d)
	}
}

func TestNodeWithoutZoneIsWaitedFor(t *testing.T) {
	r := newRig(t)
	o := options("20Gi")
	o.SelectedNodeName = "node-new"
	r.fails(o, controller.ProvisioningNoChange, "node-new", corev1.LabelTopologyZone)
	r.calls()
}

func TestNodeOutsideTheZonesOfTheClassIsGivenBack(t *testing.T) {
	r := newRig(t)
	o := options("20Gi", "zoneId", zoneI)
	o.SelectedNodeName = "node-1"
	r.fails(o, controller.ProvisioningReschedule, zoneH, zoneI)
	r.calls()
}

func TestRefusalOfTheAccountIsFinalAndNamesTheCode(t *testing.T) {
	for code, change := range map[string]func(*api.Knobs){
		"QuotaExceed.PostPaidDisk":              func(k *api.Knobs) { k.DisksPerAccount = 1 },
		"InvalidAccountStatus.NotEnoughBalance": func(k *api.Knobs) { k.AccountInArrears = true },
		"InvalidKMSKeyId.NotFound":              func(k *api.Knobs) { k.KMSKeys = []string{"key-1"} },
	} {
		t.Run(code, func(t *testing.T) {
			r := newRig(t)
			o := options("20Gi", "encrypted", "true", "kmsKeyId", "key-1")
			r.provision(o)
			o = options("20Gi", "encrypted", "true", "kmsKeyId", "key-2")
			o.PVName, o.PVC.UID = "pvc-2", "uid-2"
			r.sim.Knobs(change)
			r.fails(o, controller.ProvisioningFinished, code)
			r.oneDisk()
		})
	}
}

func TestThrottledTryChangesNothing(t *testing.T) {
	r := newRig(t)
	r.sim.Fault(fault.Rule{Action: "CreateDisk", Kind: fault.Throttle})
	r.fails(options("20Gi"), controller.ProvisioningNoChange, "Throttling")
	if all := r.disks(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestClaimsOfAStatefulSetTakeTurnsThroughTheZones(t *testing.T) {
	zones := []string{"c", "a", "b"}
	var got []string
	for n := range 6 {
		got = append(got, spread(zones, fmt.Sprintf("data-web-%d", n))[0])
	}
	if got[0] != got[3] || got[1] != got[4] || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 3 {
		t.Errorf("%v", got)
	}
	if all := slices.Sorted(slices.Values(spread(zones, "x"))); !slices.Equal(all, []string{"a", "b", "c"}) {
		t.Errorf("%v", all)
	}
}
