/** What made-up container names are built from: moods and people of science, chosen for this project. */

export const adjectives: readonly string[] = (
  'agile airy amber ample awake balmy blithe bold brave breezy bright brisk calm candid cheery civil clever cosy ' +
  'crisp curious dapper daring dewy dreamy eager earnest easy fair fearless festive fleet fond frank fresh gentle ' +
  'gifted glad golden graceful grand hardy hearty helpful honest humble jaunty jolly jovial keen kind lively loyal ' +
  'lucid lucky mellow merry mighty mild modest neat nimble noble open patient placid plucky polite proud quick quiet ' +
  'radiant ready rosy sage serene sharp silent silver simple sincere smart snug sober solid spry stable steady stoic ' +
  'sturdy sunny supple swift tender thrifty tidy tranquil true trusty upbeat valiant vivid warm wise witty zesty'
).split(' ');

export const scientists: readonly string[] = (
  'abel ampere anning avogadro babbage banneker bell bernoulli bhabha bohr boole born bose boyle brahe cantor cauchy ' +
  'celsius chandra copernicus coulomb crick curie dalton darwin dirac doppler ehrlich einstein elion euclid euler ' +
  'faraday fermat fermi feynman fourier franklin galileo galois gauss germain goodall hamilton hawking herschel hertz ' +
  'hilbert hodgkin hooke hopper hubble humboldt hypatia jemison joule kepler khorana kovalevskaya lamarr laplace ' +
  'lavoisier leavitt leibniz linnaeus lovelace maathai maxwell mcclintock meitner mendel mendeleev mirzakhani ' +
  'mitchell napier newton nightingale noether ohm pascal pasteur pauling payne planck poincare ramanujan raman ride ' +
  'riemann rontgen rubin rutherford sagan salk shannon somerville tesla thales turing vesalius volta wallace watt wiles wu yalow'
).split(' ');
