import { describe, expect, test } from 'bun:test';
import { openDatabase } from '../base/database.ts';
import { digestOf } from '../oci/digest.ts';
import { LayerForms } from './layer-forms.ts';
import { imagesSchema } from './schema.ts';

const diffId = digestOf(Buffer.from('tar'));
const form = { digest: digestOf(Buffer.from('gzip')), diffId, mediaType: 'application/gzip', size: 4 };

function openForms(): LayerForms {
  return new LayerForms(openDatabase(':memory:', [imagesSchema]));
}

describe('layer forms', () => {
  test('are found by their own digest and by their tar', () => {
    const forms = openForms();
    forms.add(form);
    expect(forms.get(form.digest)).toEqual(form);
    expect(forms.of(diffId)).toEqual([form]);
    expect(forms.of(form.digest)).toEqual([]);
  });

  test('go with their tar, and with them where they were seen', () => {
    const forms = openForms();
    forms.add(form);
    forms.addPlace(form.digest, 'host/a');
    forms.addPlace(form.digest, 'host/b');
    forms.removePlace(form.digest, 'host/b');
    expect(forms.placesOf(form.digest)).toEqual(['host/a']);
    forms.removeOf(diffId);
    expect(forms.get(form.digest)).toBeUndefined();
    expect(forms.placesOf(form.digest)).toEqual([]);
  });
});
