// What an app does with fhir-kit-client.  Arguments: base address, token, "pull" or "post", the body of a post.
import { Client } from 'fhir-kit-client';

const [baseUrl, bearerToken, task, body] = process.argv.slice(2);
const client = new Client({ baseUrl, bearerToken });
const CODE = 'http://loinc.org|85354-9';

async function pull() {
  const statement = await client.capabilityStatement();
  const first = await client.search({ resourceType: 'Observation', searchParams: { _count: 1 } });
  const found = [];
  for (let bundle = first; bundle; bundle = await client.nextPage({ bundle })) {
    found.push(...(bundle.entry ?? []).map((each) => each.resource.id));
  }
  const pressure = await client.search({ resourceType: 'Observation', searchParams: { code: CODE } });
  const { id } = pressure.entry[0].resource;
  const read = await client.read({ resourceType: 'Observation', id });
  return { version: statement.fhirVersion, found, total: first.total, read: read.id === id };
}

const post = () => client.transaction({ body: JSON.parse(body) });

console.log(JSON.stringify(await { pull, post }[task]()));
