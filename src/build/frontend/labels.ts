import type { CompileOptions } from './compile.ts';
import { after, type StageState } from './stage-state.ts';

/** The target stage with the labels that the build itself asks for: to the classic builder each is one more instruction. */
export function withLabels(
  stage: StageState,
  { labels, style }: Pick<CompileOptions, 'labels' | 'style'>,
): StageState {
  const names = Object.keys(labels).sort();
  const process = { ...stage.process, Labels: { ...stage.process.Labels, ...labels } };
  if (names.length === 0) return stage;
  if (style === 'buildkit') return { ...stage, process };
  const texts = names.map((name) => `LABEL ${name}=${labels[name]}`);
  const steps = texts.map((text) => ({ text, lines: undefined, isTrigger: false, note: '' }));
  const labelled = texts.reduce((state, text) => after(state, text, { process }), stage);
  return { ...labelled, steps: [...stage.steps, ...steps] };
}
