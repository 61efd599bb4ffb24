import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { readXml, XmlFault } from '../../../../shared/noom/stu3/xml-reader.ts';
import { writeXml } from '../../../../shared/noom/stu3/xml-writer.ts';
import { byAttorney, ndopConsent, people, preference } from '../../../support/preferences.ts';

const faultOf = (xml: string): XmlFault => {
  try {
    readXml(xml);
  } catch (error) {
    if (error instanceof XmlFault) return error;
    throw error;
  }
  throw new Error('It was read');
};
const root = (content: string, attributes = '') =>
  `<Consent xmlns="http://hl7.org/fhir"${attributes}>${content}</Consent>`;

describe('XML and JSON say the same', () => {
  const outcome = {
    resourceType: 'OperationOutcome',
    text: {
      status: 'generated',
      div: '<div xmlns="http://www.w3.org/1999/xhtml"><p class="x">1 &lt; 2<br/></p></div>',
    },
    issue: [
      { severity: 'error', code: 'invalid', diagnostics: 'a "quoted" & <tagged>\n\ttext', location: ['/f:Consent'] },
    ],
  };
  const bundle = {
    resourceType: 'Bundle',
    type: 'searchset',
    total: 2,
    link: [{ relation: 'self', url: 'https://example.org/Consent?patient=1&_format=xml' }],
    entry: [
      { fullUrl: 'https://example.org/Consent/1', resource: preference(people.anne), search: { mode: 'match' } },
      { resource: outcome, search: { mode: 'outcome' } },
    ],
  };
  test.each([
    ['a preference', preference(people.anne)],
    ['the later profile', ndopConsent(people.anne)],
    ['a proxy with a NIC reference', byAttorney(people.anne)],
    ['an outcome with a narrative', outcome],
    ['a Bundle of resources', bundle],
    ['inner ids', { ...preference(people.anne), policy: [{ id: 'a', uri: 'https://example.org' }] }],
    [
      'a number and a boolean',
      { resourceType: 'Consent', sourceAttachment: { size: 12 }, purpose: [{ userSelected: true }] },
    ],
    ['an own resource inside', { resourceType: 'Consent', contained: [preference(people.bob)] }],
  ])('%s', (_, resource) => {
    expect(readXml(writeXml(resource))).toEqual(resource);
  });

  it('whatever stands in the texts', () => {
    // Characters that XML has no way to write are none that FHIR allows either.
    const text = fc
      .string({ unit: 'binary', minLength: 1 })
      .filter((made) => !/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(made));
    fc.assert(
      fc.property(text, (display) => {
        const resource = { resourceType: 'Consent', patient: { reference: 'x', display } };
        expect(readXml(writeXml(resource))).toEqual(resource);
      }),
    );
  });
});

it('reads prefixes, comments, white space and schema locations as XML has them', () => {
  const xml = `<?xml version="1.0"?><!-- a comment --><f:Consent xmlns:f="http://hl7.org/fhir"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir consent.xsd">
    <f:status value="act&#105;ve"/> <!-- another --> </f:Consent>`;
  expect(readXml(xml)).toEqual({ resourceType: 'Consent', status: 'active' });
});

describe('what is not well formed, or reaches out, is refused before anything is read', () => {
  const bomb = `<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>${root('<status value="&b;"/>')}`;
  test.each([
    ['an entity bomb', bomb, 'document type'],
    [
      'an external entity',
      `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${root('<status value="&e;"/>')}`,
      'document type',
    ],
    ['an external document type', `<!DOCTYPE Consent SYSTEM "https://example.org/x.dtd">${root('')}`, 'document type'],
    ['an entity of nobody', root('<status value="&nobody;"/>'), 'not well formed'],
    ['a tag left open', '<Consent xmlns="http://hl7.org/fhir"><status value="active">', 'not well formed'],
    ['an attribute twice', root('<status value="active" value="inactive"/>'), 'not well formed'],
    ['a prefix of nobody', root('<g:status value="active"/>'), 'not well formed'],
    ['two roots', root('') + root(''), 'not well formed'],
    ['nothing', '', 'not well formed'],
    ['JSON', '{}', 'not well formed'],
    ['an instruction', root('<?php x?>'), 'processing instruction'],
    [
      'no end of depth',
      root(`<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">${'<p>'.repeat(200)}`),
      'nested too deeply',
    ],
  ])('%s', (_, xml, says) => {
    const error = faultOf(xml);
    expect(error.message).toContain(says);
    expect(error.fault).toBeUndefined();
  });
});

describe('what is no FHIR is told with its place', () => {
  test.each([
    ['another namespace', '<Consent><status value="active"/></Consent>', 'the root element must be in the namespace'],
    [
      'an element of another namespace',
      root('<status xmlns="urn:x" value="active"/>'),
      'Consent.status must be in the namespace',
    ],
    [
      'a type that is not served',
      '<Patient xmlns="http://hl7.org/fhir"/>',
      'the root element is not a type served here',
    ],
    ['an element of nobody', root('<statuses value="active"/>'), 'Consent.statuses is not a known element'],
    [
      'a name that may be somebody',
      root('<n9990000018 value="x"/>'),
      '(a name that is not shown) is not a known element',
    ],
    ['an attribute of nobody', root('<status code="active"/>'), 'Consent.status.code is not a known attribute'],
    ['text beside elements', root('active'), 'Consent must not hold text'],
    ['character data', root('<![CDATA[active]]>'), 'Consent must not hold text'],
    ['no value', root('<status/>'), 'Consent.status has no value'],
    [
      'one thing twice',
      root('<status value="active"/><status value="inactive"/>'),
      'Consent.status may stand only once',
    ],
    [
      'another order',
      root('<dateTime value="2026-11-20T05:59:00Z"/><status value="active"/>'),
      'Consent.status is out of the order',
    ],
    [
      'a list in two pieces',
      root(
        '<organization><display value="a"/></organization><purpose><code value="a"/></purpose><organization><display value="b"/></organization>',
      ),
      'Consent.organization is out of the order',
    ],
    [
      'no boolean',
      root('<purpose><userSelected value="yes"/></purpose>'),
      'Consent.purpose.userSelected must be of the type boolean',
    ],
    ['a value where none belongs', root('<patient value="x"/>'), 'Consent.patient.value is not a known attribute'],
    [
      'a narrative of FHIR',
      root('<text><status value="generated"/><div/></text>'),
      'Consent.text.div must be in the namespace of XHTML',
    ],
  ])('%s', (_, xml, says) => {
    const error = faultOf(xml);
    expect(error.message).toContain(says);
    expect(error.fault).toBeDefined();
    expect(error.message).not.toContain('9990000018');
  });
});
