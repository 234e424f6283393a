// Certificates as the API makes them for routes of development, for those who may not know the API.
export { developmentCertificate, type KeyPair } from '../api/development-certificate';
