// Calls a running simulator with @alicloud/pop-core, a client that shares no code
// with ours or with the Go SDK, by GET and by POST with a form body, and compares
// the answers with what the seeded region holds. Usage: node check.mjs URL
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const Core = createRequire(import.meta.url)('@alicloud/pop-core');
const url = process.argv[2];
const versions = { ecs: '2014-05-26', vpc: '2016-04-28', slb: '2014-05-15', sts: '2015-04-01' };

function client(product, secret = 'test-secret') {
  return new Core({
    accessKeyId: 'test-key', accessKeySecret: secret, endpoint: url, apiVersion: versions[product],
  });
}

async function call(product, action, params, method, secret) {
  return client(product, secret).request(action, { RegionId: 'cn-hangzhou', ...params }, { method, timeout: 10000 });
}

async function failure(...args) {
  try {
    await call(...args);
  } catch (e) {
    return e;
  }
  throw new Error(`${args[1]} should have failed`);
}

const withoutID = ({ RequestId, ...rest }) => {
  assert.match(RequestId, /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
  return rest;
};

const odd = 'a b*~/+%&=é中';
let checks = 0;
for (const method of ['GET', 'POST']) {
  const check = async (name, f) => {
    await f();
    checks++;
    console.log(`ok ${method} ${name}`);
  };

  await check('DescribeInstances', async () => {
    const r = await call('ecs', 'DescribeInstances', { InstanceIds: JSON.stringify(['i-1']) }, method);
    const [server] = r.Instances.Instance;
    assert.equal(r.Instances.Instance.length, 1);
    assert.equal(server.InstanceId, 'i-1');
    assert.equal(server.InstanceName, 'node-1');
    assert.equal(server.Status, 'Running');
    assert.equal(server.ZoneId, 'cn-hangzhou-h');
    assert.deepEqual(server.VpcAttributes.PrivateIpAddress.IpAddress, ['192.168.1.1']);
  });

  await check('the same answer by both methods', async () => {
    const other = method === 'GET' ? 'POST' : 'GET';
    const one = await call('ecs', 'DescribeInstances', {}, method);
    const two = await call('ecs', 'DescribeInstances', {}, other);
    assert.equal(one.Instances.Instance.length, 3);
    assert.deepEqual(withoutID(one), withoutID(two));
  });

  await check('DescribeRouteEntryList', async () => {
    const r = await call('vpc', 'DescribeRouteEntryList', { RouteTableId: 'vtb-small' }, method);
    const local = r.RouteEntrys.RouteEntry.map((e) => e.DestinationCidrBlock);
    assert.ok(local.includes('192.168.0.0/20') && local.includes('192.168.16.0/20'), String(local));
  });

  let id;
  await check('CreateLoadBalancer with a name that needs encoding', async () => {
    const params = { LoadBalancerName: `check-${method}`, InstanceChargeType: 'PayByCLCU', ClientToken: `t-${method}` };
    const r = await call('slb', 'CreateLoadBalancer', params, method);
    id = r.LoadBalancerId;
    assert.match(id, /^lb-/);
    const again = await call('slb', 'CreateLoadBalancer', params, method);
    assert.equal(again.LoadBalancerId, id, 'the client token must return the first load balancer');
    await call('slb', 'TagResources', {
      ResourceType: 'instance', 'ResourceId.1': id, 'Tag.1.Key': 'check', 'Tag.1.Value': odd,
    }, method);
    const tags = await call('slb', 'ListTagResources', { ResourceType: 'instance', 'ResourceId.1': id }, method);
    assert.equal(tags.TagResources.TagResource[0].TagValue, odd);
  });

  await check('DeleteLoadBalancer', async () => {
    await call('slb', 'DeleteLoadBalancer', { LoadBalancerId: id }, method);
    const r = await call('slb', 'DescribeLoadBalancers', { LoadBalancerId: id }, method);
    assert.equal(r.TotalCount, 0);
    const e = await failure('slb', 'DescribeLoadBalancerAttribute', { LoadBalancerId: id }, method);
    assert.equal(e.code, 'InvalidLoadBalancerId.NotFound');
  });

  await check('GetCallerIdentity', async () => {
    const r = await call('sts', 'GetCallerIdentity', {}, method);
    assert.equal(r.AccountId, '1234567890123456');
  });

  await check('errors', async () => {
    const wrong = await failure('ecs', 'DescribeInstances', {}, method, 'wrong-secret');
    assert.equal(wrong.code, 'SignatureDoesNotMatch');
    const unknown = await failure('ecs', 'DescribeNothing', {}, method);
    assert.equal(unknown.code, 'InvalidAction.NotFound');
    const missing = await failure('vpc', 'DescribeRouteEntryList', {}, method);
    assert.equal(missing.code, 'MissingParameter');
  });
}
console.log(`${checks} checks passed`);
